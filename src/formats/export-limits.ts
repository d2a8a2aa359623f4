/** The longest name a journal field can have, in bytes (journal_field_valid in systemd's journal-file.c). */
export const maxNameLength = 64;

/** The largest value that systemd itself takes from the export format (DATA_SIZE_MAX in journal-importer.h). */
export const maxValueBytes = 768 * 1024 * 1024;

/** The most fields that are kept of one entry; journalctl leaves out entries of more than 1,024. */
export const maxFields = 65_536;

/** 1 for the bytes that a field's name is made of, `[A-Z0-9_]`; 0 for all others. */
export const byteKind: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Z0-9_]/.test(String.fromCharCode(byte)) ? 1 : 0,
);
