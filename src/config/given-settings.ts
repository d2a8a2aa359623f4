import { destinationSettings, settingRow } from './destination-settings.js';
import type { Scheme, SettingName, SettingValue } from './destination-settings.js';
import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

export interface GivenSetting extends Written {
  readonly name: SettingName;
}

/** The settings that were given for one destination, each read when asked for; none may be given twice, or be another scheme's. */
export class GivenSettings {
  readonly #given = new Map<SettingName, GivenSetting>();

  constructor(scheme: Scheme, settings: readonly GivenSetting[]) {
    for (const setting of settings) {
      const { name } = setting;
      const row = settingRow(name);
      if (!row.schemes.includes(scheme)) throw invalid(setting, `${name} is a setting of ${anyOf(row.schemes)} destinations only; leave it out`);
      if (this.#given.has(name)) throw invalid(setting, `${name} is given twice; keep one`);
      this.#given.set(name, setting);
    }
  }

  get<K extends SettingName>(name: K): SettingValue<K> | undefined {
    const setting = this.#given.get(name);
    return setting === undefined ? undefined : (destinationSettings[name].read(setting) as SettingValue<K>);
  }

  /** The error for a setting that is right in itself. */
  refuse(name: SettingName, mend: string): Error {
    return invalid(this.#given.get(name)!, mend);
  }

  names(): Iterable<SettingName> {
    return this.#given.keys();
  }
}
