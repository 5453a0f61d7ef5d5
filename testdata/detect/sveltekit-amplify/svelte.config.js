import adapter from 'amplify-adapter';
export default { kit: { adapter: adapter() } };
