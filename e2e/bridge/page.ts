import * as renderer from 'deskcache/renderer';

/** The tests call it from outside, as somebody would in the developer tools. */
Object.assign(globalThis, { diskCache: renderer.diskCache });
