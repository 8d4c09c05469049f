// Loaded into a command before its program: says at its end how much memory it had resident at most, in kB, as the last line on stderr.
process.on('exit', () => {
  require('node:fs').writeSync(2, `\n${process.resourceUsage().maxRSS}\n`);
});
