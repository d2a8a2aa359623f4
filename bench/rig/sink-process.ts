/** The process that receives what contestants send: apart from all others, so that its CPU is neither theirs nor the meter's. */
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { LocalCloudWatch } from '../../test/support/cloudwatch/local-cloudwatch.js';
import { monotonicMs } from './clock.js';
import { MarkScanner, Tally } from './marks.js';
import { type SinkCounts, type SinkOptions, type SinkReply, type SinkRequest } from './sink-messages.js';

const smallChunkBytes = 16 << 10;
const gatherMs = 1;

let sink: Sink | undefined;

process.on('message', (request: SinkRequest) => void obey(request));
// Its parent has ended, however that came.
process.on('disconnect', () => process.exit());

async function obey(request: SinkRequest): Promise<void> {
  if ('open' in request) {
    sink = new Sink(request.open);
    reply({ port: await sink.listen() });
  } else if (sink !== undefined) {
    reply({ counts: await sink.close() });
    sink = undefined;
  }
}

function reply(message: SinkReply): void {
  process.send?.(message);
}

class Sink {
  readonly #options: SinkOptions;
  readonly #tally: Tally;
  readonly #sockets = new Set<Socket>();
  readonly #cpuBefore = process.cpuUsage();
  #server: Server | undefined;
  #cloudWatch: LocalCloudWatch | undefined;
  #bytes = 0;
  #firstMs: number | undefined;
  #lastMs: number | undefined;
  #completeMs: number | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stalled = false;
  #mayStall: boolean;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#tally = new Tally(options.expected);
    this.#mayStall = options.stall !== undefined;
  }

  async listen(): Promise<number> {
    // Once in a while, and not at every chunk: time is not free.
    this.#watch = setInterval(() => this.#lookForIdleness(), this.#options.idleMs / 8);
    if (this.#options.protocol === 'cloudwatch') {
      const cloudWatch = await LocalCloudWatch.listen({
        keepEvents: false,
        onBatch: (_group, _stream, events, { bytes }) => {
          for (const { message } of events) {
            const number = /~Q(\d{9})~/.exec(message)?.[1];
            if (number !== undefined) this.#tally.count(Number(number));
          }
          this.#came(bytes);
        },
      });
      this.#cloudWatch = cloudWatch;
      return cloudWatch.port;
    }
    const server = this.#options.protocol === 'tcp' ? createServer((socket) => this.#receive(socket)) : createHttpServer((request, response) => this.#serve(request, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<SinkCounts> {
    clearInterval(this.#watch);
    for (const socket of this.#sockets) socket.destroy();
    this.#server?.close();
    await this.#cloudWatch?.close();
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    const { unique, missing, duplicates, unexpected } = this.#tally;
    const lastMs = this.#completeMs ?? this.#lastMs;
    return {
      unique,
      missing,
      duplicates,
      unexpected,
      bytes: this.#bytes,
      ...(this.#firstMs === undefined ? {} : { firstMs: this.#firstMs }),
      ...(lastMs === undefined ? {} : { lastMs }),
      cpuSeconds: (user + system) / 1e6,
      ...(this.#cloudWatch === undefined ? {} : { meanFill: this.#cloudWatch.totals().meanFill }),
    };
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.#receive(request);
    request.on('end', () => response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n'));
  }

  #receive(stream: Socket | IncomingMessage): void {
    const scanner = new MarkScanner(this.#tally);
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => {
      scanner.push(chunk);
      this.#came(chunk.length);
      // One that writes message by message would wake this process for each, and take the CPU from who is measured.
      if (chunk.length < smallChunkBytes && !this.#stalled) {
        stream.pause();
        setTimeout(() => this.#stalled || stream.resume(), gatherMs);
      }
      if (this.#mayStall && this.#bytes >= (this.#options.stall?.afterBytes ?? 0)) this.#stall(stream);
    });
  }

  #came(bytes: number): void {
    this.#bytes += bytes;
    this.#lastMs = monotonicMs();
    this.#firstMs ??= this.#lastMs;
    if (this.#completeMs !== undefined || !this.#tally.complete) return;
    this.#completeMs = this.#lastMs;
    reply({ settled: 'complete' });
  }

  #stall(stream: Socket | IncomingMessage): void {
    this.#mayStall = false;
    this.#stalled = true;
    stream.pause();
    setTimeout(() => {
      this.#lastMs = monotonicMs();
      this.#stalled = false;
      stream.resume();
    }, this.#options.stall?.ms);
  }

  #lookForIdleness(): void {
    if (this.#completeMs !== undefined || this.#stalled || this.#lastMs === undefined) return;
    if (monotonicMs() - this.#lastMs < this.#options.idleMs) return;
    clearInterval(this.#watch);
    reply({ settled: 'idle' });
  }
}
