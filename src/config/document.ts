import { NETWORK_SETTINGS, SETTINGS, type SettingDescription } from './describe.ts'

const HEAD = `# Configuration

Every setting has a default that works, except where a machine's network must be known. A setting may be given in three places; each overrides
the one before:

1. the file \`reveille.yaml\`: the one that \`--config\` or \`REVEILLE_CONFIG\` names, else \`./reveille.yaml\`, else \`/etc/reveille/reveille.yaml\`
2. the environment: \`REVEILLE_\` and the name in capitals, such as \`REVEILLE_HTTP_LISTEN=0.0.0.0:8080\`
3. flags of \`reveille serve\` and \`reveille doctor\`, such as \`--http-listen 0.0.0.0:8080\`

In the environment and in flags a list is written with commas (\`REVEILLE_DHCP_INTERFACES=eth0,eth1\`), a truth as \`true\` or \`false\` (a flag alone
means \`true\`), and \`networks\` as YAML on one line. An empty variable counts as not set.

A wrong or impossible setting refuses to start: one line names the setting, where it was given, its value and what would be right.
\`GET /api/v1/settings\` shows every setting in force and where it came from.

\`\`\`yaml
# reveille.yaml of a server that answers DHCP on eth1
dataDir: /var/lib/reveille
dhcp:
  mode: server
  interfaces: [eth1]
networks:
  - name: rack
    subnet: 10.20.0.0/24
    interface: eth1
    ranges: [10.20.0.100-10.20.0.200]
    router: 10.20.0.1
    dns: [10.20.0.1]
\`\`\`

Clients of the server (\`reveille machine list\`, ...) read two more variables: \`REVEILLE_URL\` and \`REVEILLE_TOKEN\`. Without them they use the
control socket in the data directory, which needs no token.

This page is made from \`src/config/schema.ts\` by \`node scripts/generate-docs.ts\`; a test keeps it true.
`

/** A value as it is written in YAML. */
function yaml(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.length === 0 ? '`[]`' : `\`[${value.join(', ')}]\``
  return `\`${String(value)}\``
}

function values({ form, choices, least, most }: SettingDescription): string {
  if (form === 'choice') return choices.map((choice) => `\`${choice}\``).join(', ')
  if (form === 'boolean') return '`true`, `false`'
  if (form === 'number') return `${least} to ${most}`
  if (form === 'yaml') return 'list, see below'
  return form
}

function row(...cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** docs/configuration.md, whole. */
export function configurationDocument(): string {
  const settings = SETTINGS.map((setting) =>
    row(
      `\`${setting.name}\``,
      yaml(setting.default),
      values(setting),
      setting.description,
      `\`${setting.variable}\``,
      `\`${setting.flag}\``,
    ),
  )
  const networks = NETWORK_SETTINGS.map((setting) =>
    row(
      `\`${setting.name}\``,
      setting.required ? 'required' : yaml(setting.default),
      values(setting),
      setting.description,
    ),
  )
  return [
    HEAD,
    '## Settings\n',
    row('setting', 'default', 'values', 'meaning', 'environment', 'flag'),
    '|---|---|---|---|---|---|',
    ...settings,
    '\n## networks\n',
    'Each entry of `networks` describes one IPv4 subnet that the DHCP server serves. Subnets must not overlap; router and ranges must be host',
    'addresses inside the subnet; a named interface must be among `dhcp.interfaces`. Without any entry, each interface of `dhcp.interfaces` gets a',
    'network made of its own subnet, with dynamic addresses from the upper half.\n',
    row('field', 'default', 'values', 'meaning'),
    '|---|---|---|---|',
    ...networks,
    '',
  ].join('\n')
}
