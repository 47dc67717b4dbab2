/** The type of every component: their compilers look into them, TypeScript doesn't. */
declare module '*.vue' {
  import type { Component } from 'vue';

  const component: Component;
  export default component;
}
