import { ownSystemd } from '../../support/other-systemd.js';
import { bulkSuite } from './bulk-suite.js';

bulkSuite(ownSystemd);
