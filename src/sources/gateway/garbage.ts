import type { Position } from '../../core/position.js';
import { ReadAgain } from '../journalctl/read-again.js';
import type { Malformed } from './answer-entries.js';
import type { GatewaySourceOptions } from './options.js';

/** What a gateway gives in place of entries: read again at first, and set aside where it comes a second time in one place. */
export class Garbage {
  readonly #options: Pick<GatewaySourceOptions, 'label' | 'logger' | 'onMalformed'>;
  /** Behind which entry something was found. */
  #foundAt: string | undefined;

  constructor(options: Pick<GatewaySourceOptions, 'label' | 'logger' | 'onMalformed'>) {
    this.#options = options;
  }

  /** Resolves when it is set aside; rejects with a ReadAgain where it is to be read again. `last`: the entry before it. */
  async found(malformed: Malformed, last: Position | undefined, signal: AbortSignal): Promise<void> {
    const { label, logger, onMalformed } = this.#options;
    const at = last?.cursor ?? '';
    if (this.#foundAt !== at) {
      this.#foundAt = at;
      throw new ReadAgain('malformed', `it gives what is not in the export format: ${malformed.reason}`);
    }
    // Twice in one place: that is what it has.
    logger.error(`${label}: passing over what is not in the export format: ${malformed.reason}`);
    await onMalformed?.(malformed, signal);
  }
}
