/** What tests send to: two real syslog daemons, and a receiver that counts marked messages and misbehaves on demand. */
export { type CountingReceiver, type CountingReceiverOptions, startCountingReceiver } from './counting-receiver.js';
export type { ReceivedMessage, SyslogDaemon, SyslogInput, TlsInputs } from './syslog-daemon.js';
export { type RsyslogOptions, startRsyslog } from './rsyslog.js';
export { type SyslogNgOptions, startSyslogNg } from './syslog-ng.js';
