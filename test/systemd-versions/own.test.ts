import { ownSystemd } from '../support/other-systemd.js';
import { resumeSuite } from './resume-suite.js';

resumeSuite(ownSystemd);
