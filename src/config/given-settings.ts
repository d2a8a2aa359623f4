import { destinationSettings, settingRow } from './destination-settings.js';
import type { SettingName, SettingValue } from './destination-settings.js';
import type { Scheme } from './setting-rows/row.js';
import type { JsonSettings } from './settings.js';
import { anyOf, invalid } from './written.js';
import type { Written } from './written.js';

export interface GivenSetting extends Written {
  readonly name: SettingName;
  /** What follows the name of a setting that may be given several times. */
  readonly key?: string;
}

/** The settings that were given for one destination, each read when asked for; none may be given twice, or be another scheme's. */
export class GivenSettings {
  readonly #given = new Map<SettingName, GivenSetting[]>();

  /** `shared`: what options say of the fields of every destination. */
  constructor(scheme: Scheme, settings: readonly GivenSetting[], readonly shared: Partial<JsonSettings>) {
    for (const setting of settings) {
      const { name, key } = setting;
      const row = settingRow(name);
      if (!row.schemes.includes(scheme)) throw invalid(setting, `${name} is a setting of ${anyOf(row.schemes)} destinations only; leave it out`);
      const same = this.#given.get(name) ?? [];
      if (same.some((other) => other.key === key)) throw invalid(setting, `${key === undefined ? name : `${name}.${key}`} is given twice; keep one`);
      this.#given.set(name, [...same, setting]);
    }
  }

  get<K extends SettingName>(name: K): SettingValue<K> | undefined {
    const setting = this.written(name);
    return setting === undefined ? undefined : (destinationSettings[name].read(setting) as SettingValue<K>);
  }

  /** A setting as it was written, for one that a scheme reads in a way of its own. */
  written(name: SettingName): Written | undefined {
    return this.#given.get(name)?.[0];
  }

  /** All that were given of a setting that has keys. */
  keyed<K extends SettingName>(name: K): readonly { readonly key: string; readonly written: Written; readonly value: SettingValue<K> }[] {
    return (this.#given.get(name) ?? []).map((written) => ({ key: written.key ?? '', written, value: destinationSettings[name].read(written) as SettingValue<K> }));
  }

  /** The error for a setting that is right in itself. */
  refuse(name: SettingName, mend: string): Error {
    return invalid(this.written(name)!, mend);
  }

  names(): Iterable<SettingName> {
    return this.#given.keys();
  }
}
