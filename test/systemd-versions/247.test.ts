import { bulkSuite } from '../sources/journalctl/bulk-suite.js';
import { liveSuite } from '../sources/journalctl/live-suite.js';
import { rotationSuite } from '../sources/journalctl/rows/rotation-suite.js';
import { systemd247 } from '../support/other-systemd.js';
import { resumeSuite } from './resume-suite.js';
import { shortSuite } from './short-suite.js';

bulkSuite(systemd247);
liveSuite(systemd247);
rotationSuite(systemd247);
resumeSuite(systemd247);
shortSuite(systemd247, 'none');
