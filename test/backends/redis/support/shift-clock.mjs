// Sets the clocks of a process ahead by SHIFT_MS, before anything else is imported.
const shiftMs = Number(process.env.SHIFT_MS ?? 0);
const { timeOrigin } = performance;
const dateNow = Date.now.bind(Date);

Object.defineProperty(performance, 'timeOrigin', { value: timeOrigin + shiftMs });
Date.now = () => dateNow() + shiftMs;
