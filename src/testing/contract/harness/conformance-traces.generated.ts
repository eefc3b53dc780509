// Generated from test/conformance/strategies.json by scripts/build-traces.mjs. Do not edit.
import type { Trace } from './conformance-trace.js';

/** The conformance traces: computed by an independent implementation that keeps whole histories. */
export const CONFORMANCE_TRACES: readonly Trace[] = [
  {"id":"FW-1","title":"fixed window: aligned to the epoch; a denied hit consumes nothing","policy":{"strategy":"fixed-window","limit":3,"periodMs":1000},"steps":[
    {"at":400,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":600,"retryAfterMs":0,"delayMs":0}},
    {"at":500,"cost":2,"expect":{"allowed":true,"remaining":0,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":600,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":400,"retryAfterMs":400,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1,"retryAfterMs":1,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"FW-2","title":"fixed window: the known double burst across a boundary","policy":{"strategy":"fixed-window","limit":5,"periodMs":1000},"steps":[
    {"at":999,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":1,"retryAfterMs":0,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":1,"retryAfterMs":0,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":1,"retryAfterMs":0,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1,"retryAfterMs":0,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1,"retryAfterMs":0,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1,"retryAfterMs":1,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1000,"retryAfterMs":1000,"delayMs":0}}
  ]},
  {"id":"FW-3","title":"fixed window: a cost above what is left is denied whole; a smaller one still passes","policy":{"strategy":"fixed-window","limit":5,"periodMs":1000},"steps":[
    {"at":0,"cost":4,"expect":{"allowed":true,"remaining":1,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":10,"cost":2,"expect":{"allowed":false,"remaining":1,"resetMs":990,"retryAfterMs":990,"delayMs":0}},
    {"at":20,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":980,"retryAfterMs":0,"delayMs":0}},
    {"at":30,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":970,"retryAfterMs":970,"delayMs":0}}
  ]},
  {"id":"FW-4","title":"fixed window: a clock that steps back opens no fresh window","policy":{"strategy":"fixed-window","limit":2,"periodMs":1000},"steps":[
    {"at":1005,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":995,"retryAfterMs":0,"delayMs":0}},
    {"at":1005,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":995,"retryAfterMs":0,"delayMs":0}},
    {"at":990,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1010,"retryAfterMs":1010,"delayMs":0}},
    {"at":1500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":500,"retryAfterMs":500,"delayMs":0}},
    {"at":2000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"FW-5","title":"fixed window: a period that is no whole number of seconds","policy":{"strategy":"fixed-window","limit":2,"periodMs":2500},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":2500,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":2500,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":2500,"retryAfterMs":2500,"delayMs":0}},
    {"at":2010,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":490,"retryAfterMs":490,"delayMs":0}},
    {"at":2500,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":2500,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"FW-6","title":"fixed window: a 365-day period","policy":{"strategy":"fixed-window","limit":1,"periodMs":31536000000},"steps":[
    {"at":1767225600000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":30326400000,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225600001,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":30326399999,"retryAfterMs":30326399999,"delayMs":0}}
  ]},
  {"id":"FW-7","title":"fixed window: a cost above the limit can never pass and poisons nothing","policy":{"strategy":"fixed-window","limit":10,"periodMs":60000},"steps":[
    {"at":0,"cost":11,"expect":{"allowed":false,"remaining":10,"resetMs":0,"retryAfterMs":null,"delayMs":0}},
    {"at":0,"cost":10,"expect":{"allowed":true,"remaining":0,"resetMs":60000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"SL-1","title":"sliding log: exact; an entry leaves at its instant + period","policy":{"strategy":"sliding-log","limit":5,"periodMs":1000},"steps":[
    {"at":0,"cost":2,"expect":{"allowed":true,"remaining":3,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":400,"cost":3,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":401,"retryAfterMs":1,"delayMs":0}},
    {"at":1000,"cost":2,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1000,"retryAfterMs":400,"delayMs":0}},
    {"at":1400,"cost":3,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1400,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1000,"retryAfterMs":600,"delayMs":0}}
  ]},
  {"id":"SL-2","title":"sliding log: the wait covers the whole cost","policy":{"strategy":"sliding-log","limit":5,"periodMs":1000},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":100,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":200,"cost":3,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":300,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":900,"retryAfterMs":700,"delayMs":0}},
    {"at":300,"cost":2,"expect":{"allowed":false,"remaining":0,"resetMs":900,"retryAfterMs":800,"delayMs":0}},
    {"at":300,"cost":3,"expect":{"allowed":false,"remaining":0,"resetMs":900,"retryAfterMs":900,"delayMs":0}},
    {"at":300,"cost":6,"expect":{"allowed":false,"remaining":0,"resetMs":900,"retryAfterMs":null,"delayMs":0}}
  ]},
  {"id":"SL-3","title":"sliding log: a clock that steps back","policy":{"strategy":"sliding-log","limit":2,"periodMs":1000},"steps":[
    {"at":5000,"cost":2,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":4000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":2000,"retryAfterMs":2000,"delayMs":0}},
    {"at":5999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1,"retryAfterMs":1,"delayMs":0}},
    {"at":6000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"SW-1","title":"sliding window, 10 segments: the wait is honest to the millisecond","policy":{"strategy":"sliding-window","limit":10,"periodMs":1000,"segments":10},"steps":[
    {"at":0,"cost":6,"expect":{"allowed":true,"remaining":4,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":500,"cost":4,"expect":{"allowed":true,"remaining":0,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1100,"retryAfterMs":517,"delayMs":0}},
    {"at":1016,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":584,"retryAfterMs":1,"delayMs":0}},
    {"at":1017,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1083,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"SW-2","title":"sliding window, 1 segment: no double burst at the boundary","policy":{"strategy":"sliding-window","limit":10,"periodMs":1000,"segments":1},"steps":[
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":9,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":8,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":7,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":6,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":5,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1100,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1000,"retryAfterMs":100,"delayMs":0}},
    {"at":1099,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":901,"retryAfterMs":1,"delayMs":0}},
    {"at":1100,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1900,"retryAfterMs":0,"delayMs":0}},
    {"at":1500,"cost":3,"expect":{"allowed":true,"remaining":1,"resetMs":1500,"retryAfterMs":0,"delayMs":0}},
    {"at":1500,"cost":2,"expect":{"allowed":false,"remaining":1,"resetMs":1500,"retryAfterMs":100,"delayMs":0}}
  ]},
  {"id":"SW-3","title":"sliding window: denied hits do not extend the wait","policy":{"strategy":"sliding-window","limit":10,"periodMs":10000,"segments":10},"steps":[
    {"at":0,"cost":10,"expect":{"allowed":true,"remaining":0,"resetMs":11000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":11000,"retryAfterMs":10100,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":11000,"retryAfterMs":10100,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":11000,"retryAfterMs":10100,"delayMs":0}},
    {"at":9999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1001,"retryAfterMs":101,"delayMs":0}},
    {"at":10100,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":10900,"retryAfterMs":0,"delayMs":0}},
    {"at":11000,"cost":9,"expect":{"allowed":true,"remaining":0,"resetMs":11000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"SW-4","title":"sliding window at a real epoch, an odd limit","policy":{"strategy":"sliding-window","limit":7,"periodMs":60000,"segments":10},"steps":[
    {"at":1767225600123,"cost":3,"expect":{"allowed":true,"remaining":4,"resetMs":65877,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225630500,"cost":4,"expect":{"allowed":true,"remaining":0,"resetMs":65500,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225630501,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":65499,"retryAfterMs":31499,"delayMs":0}},
    {"at":1767225661999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":34001,"retryAfterMs":1,"delayMs":0}},
    {"at":1767225662000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":64000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"SW-5","title":"sliding window: a clock that steps back","policy":{"strategy":"sliding-window","limit":4,"periodMs":1000,"segments":4},"steps":[
    {"at":2000,"cost":4,"expect":{"allowed":true,"remaining":0,"resetMs":1250,"retryAfterMs":0,"delayMs":0}},
    {"at":1200,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":2050,"retryAfterMs":1863,"delayMs":0}},
    {"at":2900,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":350,"retryAfterMs":163,"delayMs":0}},
    {"at":3249,"cost":4,"expect":{"allowed":false,"remaining":3,"resetMs":1,"retryAfterMs":1,"delayMs":0}},
    {"at":3250,"cost":4,"expect":{"allowed":true,"remaining":0,"resetMs":1250,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"TB-1","title":"token bucket: burst 5, a token each 100 ms, allowed on equality","policy":{"strategy":"token-bucket","limit":10,"periodMs":1000,"burst":5},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":100,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":200,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":300,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":400,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":500,"retryAfterMs":100,"delayMs":0}},
    {"at":99,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":401,"retryAfterMs":1,"delayMs":0}},
    {"at":100,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":100,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":500,"retryAfterMs":100,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":100,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"TB-2","title":"token bucket: an indivisible rate at a real epoch is exact","policy":{"strategy":"token-bucket","limit":7,"periodMs":1000},"steps":[
    {"at":1767225600123,"cost":1,"expect":{"allowed":true,"remaining":6,"resetMs":143,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225600123,"cost":1,"expect":{"allowed":true,"remaining":5,"resetMs":286,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225600123,"cost":5,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225600123,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1000,"retryAfterMs":143,"delayMs":0}},
    {"at":1767225600265,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":858,"retryAfterMs":1,"delayMs":0}},
    {"at":1767225600266,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"TB-3","title":"token bucket: idle time refills to the burst and no further","policy":{"strategy":"token-bucket","limit":60,"periodMs":60000,"burst":10},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":9,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":8,"resetMs":2000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":7,"resetMs":3000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":6,"resetMs":4000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":5,"resetMs":5000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":6000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":7000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":8000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":9000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":10000,"retryAfterMs":0,"delayMs":0}},
    {"at":3500,"cost":0,"expect":{"allowed":true,"remaining":3,"resetMs":6500,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":0,"expect":{"allowed":true,"remaining":10,"resetMs":0,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":9,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":8,"resetMs":2000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":7,"resetMs":3000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":6,"resetMs":4000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":5,"resetMs":5000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":6000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":7000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":8000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":9000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":10000,"retryAfterMs":0,"delayMs":0}},
    {"at":3600000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":10000,"retryAfterMs":1000,"delayMs":0}}
  ]},
  {"id":"TB-4","title":"token bucket: a clock that steps back refills nothing","policy":{"strategy":"token-bucket","limit":10,"periodMs":1000,"burst":5},"steps":[
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":100,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":200,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":300,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":400,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":400,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1100,"retryAfterMs":700,"delayMs":0}},
    {"at":1099,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":401,"retryAfterMs":1,"delayMs":0}},
    {"at":1100,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":500,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"TB-5","title":"token bucket: a cost above the capacity can never pass","policy":{"strategy":"token-bucket","limit":10,"periodMs":1000,"burst":5},"steps":[
    {"at":0,"cost":6,"expect":{"allowed":false,"remaining":5,"resetMs":0,"retryAfterMs":null,"delayMs":0}},
    {"at":0,"cost":5,"expect":{"allowed":true,"remaining":0,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":6,"expect":{"allowed":false,"remaining":0,"resetMs":500,"retryAfterMs":null,"delayMs":0}}
  ]},
  {"id":"TB-6","title":"token bucket: a large limit on a long period stays exact","policy":{"strategy":"token-bucket","limit":1000000,"periodMs":2592000000},"steps":[
    {"at":1767225600000,"cost":999999,"expect":{"allowed":true,"remaining":1,"resetMs":2591997408,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225600001,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":2591999999,"retryAfterMs":0,"delayMs":0}},
    {"at":1767225600001,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":2591999999,"retryAfterMs":2591,"delayMs":0}},
    {"at":1767225602592,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":2592000000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"TB-7","title":"token bucket: hammering does not change the refill","policy":{"strategy":"token-bucket","limit":60,"periodMs":60000},"steps":[
    {"at":0,"cost":60,"expect":{"allowed":true,"remaining":0,"resetMs":60000,"retryAfterMs":0,"delayMs":0}},
    {"at":100,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59900,"retryAfterMs":900,"delayMs":0}},
    {"at":200,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59800,"retryAfterMs":800,"delayMs":0}},
    {"at":300,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59700,"retryAfterMs":700,"delayMs":0}},
    {"at":400,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59600,"retryAfterMs":600,"delayMs":0}},
    {"at":500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59500,"retryAfterMs":500,"delayMs":0}},
    {"at":600,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59400,"retryAfterMs":400,"delayMs":0}},
    {"at":700,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59300,"retryAfterMs":300,"delayMs":0}},
    {"at":800,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59200,"retryAfterMs":200,"delayMs":0}},
    {"at":900,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59100,"retryAfterMs":100,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":60000,"retryAfterMs":0,"delayMs":0}},
    {"at":1100,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59900,"retryAfterMs":900,"delayMs":0}},
    {"at":1200,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59800,"retryAfterMs":800,"delayMs":0}},
    {"at":1300,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59700,"retryAfterMs":700,"delayMs":0}},
    {"at":1400,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59600,"retryAfterMs":600,"delayMs":0}},
    {"at":1500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59500,"retryAfterMs":500,"delayMs":0}},
    {"at":1600,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59400,"retryAfterMs":400,"delayMs":0}},
    {"at":1700,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59300,"retryAfterMs":300,"delayMs":0}},
    {"at":1800,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59200,"retryAfterMs":200,"delayMs":0}},
    {"at":1900,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59100,"retryAfterMs":100,"delayMs":0}},
    {"at":2000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":60000,"retryAfterMs":0,"delayMs":0}},
    {"at":2100,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59900,"retryAfterMs":900,"delayMs":0}},
    {"at":2200,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59800,"retryAfterMs":800,"delayMs":0}},
    {"at":2300,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59700,"retryAfterMs":700,"delayMs":0}},
    {"at":2400,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59600,"retryAfterMs":600,"delayMs":0}},
    {"at":2500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59500,"retryAfterMs":500,"delayMs":0}},
    {"at":2600,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59400,"retryAfterMs":400,"delayMs":0}},
    {"at":2700,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59300,"retryAfterMs":300,"delayMs":0}},
    {"at":2800,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59200,"retryAfterMs":200,"delayMs":0}},
    {"at":2900,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59100,"retryAfterMs":100,"delayMs":0}},
    {"at":3000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":60000,"retryAfterMs":0,"delayMs":0}},
    {"at":3100,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59900,"retryAfterMs":900,"delayMs":0}},
    {"at":3200,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59800,"retryAfterMs":800,"delayMs":0}},
    {"at":3300,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59700,"retryAfterMs":700,"delayMs":0}},
    {"at":3400,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59600,"retryAfterMs":600,"delayMs":0}},
    {"at":3500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59500,"retryAfterMs":500,"delayMs":0}},
    {"at":3600,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59400,"retryAfterMs":400,"delayMs":0}},
    {"at":3700,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59300,"retryAfterMs":300,"delayMs":0}},
    {"at":3800,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59200,"retryAfterMs":200,"delayMs":0}},
    {"at":3900,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":59100,"retryAfterMs":100,"delayMs":0}},
    {"at":4000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":60000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"CK-1","title":"a state more than a period ahead of the clock is discarded: fixed window","policy":{"strategy":"fixed-window","limit":2,"periodMs":1000},"steps":[
    {"at":100000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":100000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":99500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1500,"retryAfterMs":1500,"delayMs":0}},
    {"at":97000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"CK-2","title":"a state more than a period ahead of the clock is discarded: token bucket","policy":{"strategy":"token-bucket","limit":2,"periodMs":1000},"steps":[
    {"at":100000,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":100000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":99000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":2000,"retryAfterMs":1500,"delayMs":0}},
    {"at":98999,"cost":2,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"GC-1","title":"gcra: burst 1 spaces hits evenly","policy":{"strategy":"gcra","limit":10,"periodMs":10000},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1000,"retryAfterMs":1000,"delayMs":0}},
    {"at":500,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":500,"retryAfterMs":500,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":1999,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":1,"retryAfterMs":1,"delayMs":0}},
    {"at":2000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":1000,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"GC-2","title":"gcra: burst 3; the wait counts the burst","policy":{"strategy":"gcra","limit":10,"periodMs":10000,"burst":3},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":1000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":2000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":3000,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":3000,"retryAfterMs":1000,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":3000,"retryAfterMs":0,"delayMs":0}},
    {"at":1000,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":3000,"retryAfterMs":1000,"delayMs":0}}
  ]},
  {"id":"LB-1","title":"leaky bucket: hits are admitted with the delay that spaces them, up to the bucket","policy":{"strategy":"leaky-bucket","limit":2,"periodMs":1000,"burst":5},"steps":[
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":500,"retryAfterMs":0,"delayMs":0}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":3,"resetMs":1000,"retryAfterMs":0,"delayMs":500}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":2,"resetMs":1500,"retryAfterMs":0,"delayMs":1000}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":1,"resetMs":2000,"retryAfterMs":0,"delayMs":1500}},
    {"at":0,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":2500,"retryAfterMs":0,"delayMs":2000}},
    {"at":0,"cost":1,"expect":{"allowed":false,"remaining":0,"resetMs":2500,"retryAfterMs":500,"delayMs":0}},
    {"at":500,"cost":1,"expect":{"allowed":true,"remaining":0,"resetMs":2500,"retryAfterMs":0,"delayMs":2000}},
    {"at":10000,"cost":1,"expect":{"allowed":true,"remaining":4,"resetMs":500,"retryAfterMs":0,"delayMs":0}}
  ]},
  {"id":"LB-2","title":"leaky bucket: a weighted hit","policy":{"strategy":"leaky-bucket","limit":10,"periodMs":10000,"burst":10},"steps":[
    {"at":0,"cost":7,"expect":{"allowed":true,"remaining":3,"resetMs":7000,"retryAfterMs":0,"delayMs":0}},
    {"at":2000,"cost":6,"expect":{"allowed":false,"remaining":5,"resetMs":5000,"retryAfterMs":1000,"delayMs":0}},
    {"at":3000,"cost":6,"expect":{"allowed":true,"remaining":0,"resetMs":10000,"retryAfterMs":0,"delayMs":4000}}
  ]}
];
