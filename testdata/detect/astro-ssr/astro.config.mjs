import awsAmplify from 'astro-aws-amplify';
export default { output: 'server', adapter: awsAmplify() };
