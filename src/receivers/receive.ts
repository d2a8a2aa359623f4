import { SettingError } from '../core/errors.js';
import type { CertificateFiles } from './certificates.js';
import type { StreamFraming } from './deframe.js';
import { receiveDatagrams } from './datagrams.js';
import { receiveHttp } from './http.js';
import type { ReceiveHandlers, Receiver } from './receiver.js';
import { receiveRelp } from './relp.js';
import { receiveStreams } from './streams.js';
import { urlOf } from './url.js';

export type { ReceiveHandlers, Receiver } from './receiver.js';

export interface ReceiveOptions {
  /** How a stream tells its messages apart; recognised frame by frame (`auto`) if absent. */
  readonly framing?: StreamFraming;
  /** 256 MiB if absent. A longer message ends its connection. */
  readonly maxMessageBytes?: number;
}

/** Where to listen. Port 0 takes a free one; `unix` is a stream socket. */
export type ReceiverAddress =
  | { readonly transport: 'tcp' | 'udp' | 'http' | 'relp'; readonly host: string; readonly port: number }
  | ({ readonly transport: 'tls'; readonly host: string; readonly port: number } & CertificateFiles)
  | { readonly transport: 'unix'; readonly path: string };

/** Listens at an address, to see what a sender sends. Throws a SettingError where it cannot. */
export async function receive(address: ReceiverAddress, handlers: ReceiveHandlers, options: ReceiveOptions = {}): Promise<Receiver> {
  const { framing = 'auto', maxMessageBytes = 256 * 1024 * 1024 } = options;
  try {
    switch (address.transport) {
      case 'tcp':
      case 'unix':
        return await receiveStreams(address, framing, maxMessageBytes, handlers);
      case 'tls': {
        const { readCertificates } = await import('./certificates.js');
        return await receiveStreams(address, framing, maxMessageBytes, handlers, await readCertificates(address));
      }
      case 'udp':
        return await receiveDatagrams(address, handlers);
      case 'relp':
        return await receiveRelp(address, maxMessageBytes, handlers);
      case 'http':
        return await receiveHttp(address, maxMessageBytes, handlers);
    }
  } catch (cause) {
    if (cause instanceof SettingError) throw cause;
    const where = address.transport === 'unix' ? `unix://${address.path}` : urlOf(address.transport, address.host, address.port);
    const reason = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause);
    throw new SettingError('listen', `Cannot listen on "${where}": ${reason}. Choose another address, or end what uses this one.`, { cause });
  }
}
