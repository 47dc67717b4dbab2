import { mount } from 'svelte';
import { exposeForTests } from '../test-access.ts';
import App from './app.svelte';

mount(App, { target: document.querySelector('#app')! });
exposeForTests();
