import { ownSystemd } from '../../support/other-systemd.js';
import { liveSuite } from './live-suite.js';

liveSuite(ownSystemd);
