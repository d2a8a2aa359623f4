import { bulkSuite } from '../sources/journalctl/bulk-suite.js';
import { liveSuite } from '../sources/journalctl/live-suite.js';
import { rotationSuite } from '../sources/journalctl/rows/rotation-suite.js';
import { systemd257 } from '../support/other-systemd.js';
import { resumeSuite } from './resume-suite.js';
import { shortSuite } from './short-suite.js';

bulkSuite(systemd257);
liveSuite(systemd257);
rotationSuite(systemd257);
resumeSuite(systemd257);
shortSuite(systemd257, 'as 257');
