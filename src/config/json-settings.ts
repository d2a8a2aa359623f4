import type { GivenSettings } from './given-settings.js';
import type { JsonSettings } from './settings.js';
import { misplaced } from './written.js';

/** Which fields a destination sends as JSON, by its own settings, else by those that hold for all; undefined where nothing is said. */
export function readJson(given: GivenSettings): JsonSettings | undefined {
  const { shared } = given;
  const added = given.get('addField');
  const json: JsonSettings = {
    fields: given.get('fields') ?? shared.fields,
    fieldMap: given.get('fieldMap') ?? shared.fieldMap ?? [],
    fieldMapStrict: given.get('fieldMapStrict') ?? shared.fieldMapStrict ?? false,
    lowercase: given.get('lowercase') ?? false,
    addFields: added === undefined ? (shared.addFields ?? []) : [added],
  };
  const { fields, fieldMap, fieldMapStrict, lowercase, addFields } = json;
  if (fieldMapStrict && fieldMap.length === 0) {
    const mend = 'there is no map whose fields alone could be kept; add one, or leave it out';
    throw [...given.names()].includes('fieldMapStrict') ? given.refuse('fieldMapStrict', mend) : misplaced('--field-map-strict', mend);
  }
  return fields === undefined && fieldMap.length === 0 && !lowercase && addFields.length === 0 ? undefined : json;
}
