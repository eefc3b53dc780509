const { IgnorePlugin } = require('webpack');

/** Modules that Nest requires if they are installed. */
const OPTIONAL = ['@nestjs/microservices', '@nestjs/websockets', 'class-validator', 'class-transformer'];

/** The whole application in one file, minified, as it is deployed to a serverless platform. */
module.exports = {
  mode: 'production',
  target: 'node',
  entry: './src/main.ts',
  output: { filename: 'main.js' },
  resolve: { extensions: ['.ts', '.js'] },
  module: { rules: [{ test: /\.ts$/, loader: 'ts-loader', options: { transpileOnly: true } }] },
  plugins: [
    new IgnorePlugin({
      checkResource: (request) => OPTIONAL.some((name) => request === name || request.startsWith(`${name}/`)),
    }),
  ],
  performance: { hints: false },
  ignoreWarnings: [/./],
};
