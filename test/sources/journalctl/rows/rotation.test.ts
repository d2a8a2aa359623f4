import { ownSystemd } from '../../../support/other-systemd.js';
import { rotationSuite } from './rotation-suite.js';

rotationSuite(ownSystemd);
