const config = { appId: 'io.example', appName: 'app', webDir: 'www' };
export default config;
