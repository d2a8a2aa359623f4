import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { metricTable, type Observed } from './metric-table.js';

/** The process is one, so its collectors are: some of them watch it from then on, and can never be stopped. Made with the first use of this file. */
const processMetrics = new Registry();
// Every 10 ms, the default, would wake an idle process a hundred times a second.
collectDefaultMetrics({ register: processMetrics, eventLoopMonitoringPrecision: 100 });

/** A run's metrics in Prometheus' text format, with those of the process. Costs nothing until somebody asks. */
export class Metrics {
  readonly contentType: string = processMetrics.contentType;
  readonly #observe: () => Promise<Observed>;
  readonly #registry = new Registry();
  readonly #setters: readonly ((observed: Observed) => void)[];

  constructor(observe: () => Promise<Observed>) {
    this.#observe = observe;
    this.#setters = metricTable.map(({ name, type, help, labels, samples }) => {
      const options = { name, help, labelNames: labels, registers: [this.#registry] };
      if (type === 'gauge') {
        const gauge = new Gauge(options);
        return (observed) => {
          gauge.reset();
          for (const sample of samples(observed)) gauge.set(sample.labels, sample.value);
        };
      }
      const counter = new Counter(options);
      return (observed) => {
        counter.reset();
        for (const sample of samples(observed)) counter.inc(sample.labels, sample.value);
      };
    });
  }

  async text(): Promise<string> {
    const observed = await this.#observe();
    for (const set of this.#setters) set(observed);
    const text = (await this.#registry.metrics()) + '\n' + (await processMetrics.metrics());
    // prom-client 15 writes the format's NaN, which an event loop that was not watched yet has for its lag, as `Nan`.
    return text.replaceAll(' Nan\n', ' NaN\n');
  }

  /** The names of all metrics, those of the process included. */
  names(): string[] {
    return [this.#registry, processMetrics].flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name));
  }
}
