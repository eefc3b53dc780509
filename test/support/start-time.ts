/** 2026-01-01T00:00:00Z: the start of a minute, an hour and a day. The clocks of tests begin there. */
export const START = 1_767_225_600_000;

/** User functions and backends of a test are slow only where the machine is: longer than any test waits. */
export const PATIENT_FUNCTION_TIMEOUT_MS = 60_000;
