/** The inspector: built into one file, which is loaded when an inspector is opened (`load.ts`). */
export { Inspection, type InspectionOptions } from './inspection.ts';
export { type LoopbackServer, startLoopbackServer } from './loopback-server.ts';
export { createRequestHandler, type RequestHandler } from './request-handler.ts';
