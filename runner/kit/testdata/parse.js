// Reads a command line with the Amplify CLI's own parser and prints what that made of it, as one line of JSON.
//
// Usage: node parse.js FOLDER ARGUMENT... where FOLDER is the unpacked package @aws-amplify/cli-internal. The parser's own
// files are the real ones. What they import beside them (the whole CLI) is replaced by what they need of it.
'use strict';
const Module = require('module');
const path = require('path');

const folder = path.resolve(process.argv[2]);
const plugin = { manifest: require(path.join(folder, 'amplify-plugin.json')) };
const fakes = {
  '@aws-amplify/amplify-cli-core': {
    constants: { CORE: 'core', HELP: 'help', VERSION: 'version', VERSION_SHORT: 'v', HELP_SHORT: 'h', YES: 'yes', YES_SHORT: 'y', PLUGIN_DEFAULT_COMMAND: 'default' },
    JSONUtilities: { parse: JSON.parse },
    getPackageManager: async () => null,
    commandsInfo: [],
  },
  './plugin-manager': { getAllPluginNames: () => new Set(['core']), getPluginsWithName: () => [plugin] },
  './extensions/amplify-helpers/git-manager': {},
};
const load = Module._load;
Module._load = (name, ...rest) => fakes[name] || load(name, ...rest);

const input = require(path.join(folder, 'lib/input-manager.js'));
const params = require(path.join(folder, 'lib/input-params-manager.js'));
process.argv = ['node', 'amplify', ...process.argv.slice(3)];
const parsed = input.getCommandLineInput({});
input.verifyInput({}, parsed).then((verified) => {
  console.log(JSON.stringify({
    verified: verified.verified === true,
    message: verified.message,
    command: parsed.command,
    subCommands: parsed.subCommands,
    params: params.normalizeInputParams({ parameters: { options: parsed.options } }),
  }));
});
