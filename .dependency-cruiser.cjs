/** The layers of docs/architecture.md as rules. Each name says what a violation would mean. */
const only = (from, allowed) => ({ from: { path: from, pathNot: '\\.test\\.tsx?$' }, to: { path: '^src/', pathNot: allowed } })

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'kit-knows-nothing', severity: 'error', ...only('^src/kit/', '^src/kit/') },
    { name: 'protocols-are-pure', severity: 'error', ...only('^src/protocols/', '^src/(kit|protocols)/') },
    {
      name: 'pure-code-uses-no-packages',
      severity: 'error',
      from: { path: '^src/(kit|protocols)/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional'] },
    },
    {
      name: 'one-protocol-per-folder',
      severity: 'error',
      from: { path: '^src/protocols/([^/]+)/' },
      to: { path: '^src/protocols/', pathNot: '^src/protocols/($1|ethernet|scsi|zstd)/' },
    },
    {
      name: 'domain-does-no-io',
      comment: 'machines, profiles, images, networks, traces, access, power, deployments, volumes, rooms, guests, gateway, consoles, secrets, service and backup hold rules and interfaces; drivers do the work',
      severity: 'error',
      ...only('^src/(machines|profiles|images|networks|traces|access|power|deployments|volumes|rooms|guests|gateway|consoles|configs|secrets|service|backup)/[^/]+\\.ts$', '^src/(kit|protocols|machines|profiles|images|networks|traces|access|power|deployments|volumes|rooms|guests|gateway|consoles|configs|secrets|service|backup)/'),
    },
    {
      name: 'boot-stages-do-not-meet',
      severity: 'error',
      from: { path: '^src/boot/([^/]+)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/boot/[^/]+/', pathNot: '^src/boot/$1/' },
    },
    {
      name: 'drivers-and-store-only-from-main',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts|store/|compose/|[^/]+/drivers/)|\\.test\\.ts$' },
      to: { path: '^src/(store|[^/]+/drivers)/' },
    },
    {
      name: 'drivers-do-not-meet',
      severity: 'error',
      from: { path: '^src/([^/]+)/drivers/([^/.]+)' },
      to: { path: '^src/[^/]+/drivers/', pathNot: '^src/$1/drivers/$2' },
    },
    {
      name: 'clients-use-the-api',
      comment: 'cli/local.ts is the one door to commands that must work without a server (serve, doctor, trace replay)',
      severity: 'error',
      ...only('^src/(web|agent)/', '^src/(web|agent|kit|protocols|api/contract|api/client)'),
    },
    {
      name: 'command-line-uses-the-api',
      comment: 'it reads the settings too, to find the control socket and to have a flag for each; cli/local.ts is the door to main.ts',
      severity: 'error',
      ...only('^src/cli/', '^src/(cli|config|kit|protocols|api/contract|api/client)|^src/main\\.ts$'),
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/local\\.ts$|\\.test\\.ts$' },
      to: { path: '^src/main\\.ts$' },
    },
    { name: 'product-does-not-import-tests', severity: 'error', from: { path: '^src/', pathNot: '\\.test\\.tsx?$' }, to: { path: '^(test|bench)/' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/web/dist' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.json'] },
  },
}
