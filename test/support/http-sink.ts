import { SecretText } from '../../src/core/secret.js';
import type { Sink } from '../../src/core/sink.js';
import { createHttpSink, type HttpSinkOptions } from '../../src/sinks/http.js';
import { RecordedLogger } from './recorded-logger.js';

/** A sink for a port of this machine, with the defaults of the settings. */
export function httpSinkTo(port: number, options: Partial<HttpSinkOptions> = {}): Sink {
  return createHttpSink({
    scheme: 'http',
    address: { host: '127.0.0.1', port },
    path: '/',
    query: new SecretText(''),
    proxy: { proxy: '', noProxy: '' },
    body: 'ndjson',
    compress: 'none',
    batchMessages: 10_000,
    batchBytes: 1_000_000,
    maxAgeMs: 20,
    inFlight: 1,
    timeoutMs: 20_000,
    headers: [],
    origin: 'test',
    logger: new RecordedLogger(),
    ...options,
  });
}
