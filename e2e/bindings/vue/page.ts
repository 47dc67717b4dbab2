import { createApp } from 'vue';
import { exposeForTests } from '../test-access.ts';
import App from './app.vue';

createApp(App).mount('#app');
exposeForTests();
