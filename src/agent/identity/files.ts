/** What the files of an installed system are to say: text in, text out. A value that would break a file is a `RangeError`. */

/** A name as in RFC 1123, with or without domain. */
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

export function checkHostname(hostname: string): string {
  if (!HOSTNAME.test(hostname)) throw new RangeError(`${JSON.stringify(hostname)} is no host name`)
  return hostname
}

/** The line of the machine itself, as Debian has it: 127.0.1.1, full name, short name. */
export function hostsWith(old: string, hostname: string): string {
  const short = checkHostname(hostname).split('.')[0]!
  const line = `127.0.1.1\t${short === hostname ? hostname : `${hostname} ${short}`}`
  const lines = old === '' ? ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', ''] : old.split('\n')
  const own = lines.findIndex((each) => /^\s*127\.0\.1\.1\s/.test(each))
  if (own >= 0) lines[own] = line
  else lines.splice(lines.findIndex((each) => /^\s*127\.0\.0\.1\s/.test(each)) + 1, 0, line)
  return lines.join('\n')
}

/** The keys that were there, and these, each once. */
export function authorizedKeysWith(old: string, keys: readonly string[]): string {
  for (const key of keys)
    if (/[\u0000-\u001f\u007f]/.test(key) || !/^\S+ +\S/.test(key))
      throw new RangeError('an SSH key is not one line as in authorized_keys')
  const kept = old.split('\n').filter((line) => line.trim() !== '')
  const known = new Set(kept.map((line) => line.trim()))
  const added = keys.map((key) => key.trim()).filter((key) => !known.has(key))
  return `${[...kept, ...new Set(added)].join('\n')}\n`
}

/**
 * The line of root with this hash (shadow(5)), changed today, all others as they were. `today`: days since 1970. A `RangeError` without
 * root, or for a hash with characters that have a meaning in the file.
 */
export function shadowWith(old: string, hash: string, today: number): string {
  if (!/^[!-9;-~]{1,500}$/.test(hash)) throw new RangeError('the password hash has characters that it cannot have')
  const lines = old.split('\n')
  const at = lines.findIndex((line) => line.startsWith('root:'))
  if (at < 0) throw new RangeError('/etc/shadow has no line for root')
  const fields = lines[at]!.split(':')
  fields[1] = hash
  fields[2] = String(today)
  lines[at] = fields.join(':')
  return lines.join('\n')
}

/** Where root lives, from /etc/passwd; `/root` if that does not say. */
export function homeOfRoot(passwd: string): string {
  const home = /^root:[^:\n]*:0:\d+:[^:\n]*:(\/[^:\n]*):/m.exec(passwd)?.[1]
  return home && home !== '/' ? home : '/root'
}

/** What cloud-init's NoCloud reads besides. */
type SeedMore = { networkConfig?: string | null | undefined; vendorData?: string | null | undefined }

/** The files of a seed by name. cloud-init wants the first two; a new instance id makes it configure the machine anew. */
export function seedOf(
  {
    hostname,
    userData,
    metaData,
    networkConfig = null,
    vendorData = null,
  }: { hostname: string | null; userData: string | null; metaData: string | null } & SeedMore,
  digest: (text: string) => string,
): Record<string, string> | undefined {
  if ([userData, metaData, networkConfig, vendorData].every((text) => text === null)) return undefined
  const id = digest(JSON.stringify([hostname, userData])).slice(0, 16)
  const name = hostname === null ? '' : `local-hostname: ${checkHostname(hostname)}\n`
  return {
    'user-data': userData ?? '#cloud-config\n{}\n',
    'meta-data': metaData ?? `instance-id: reveille-${id}\n${name}`,
    ...(networkConfig === null ? {} : { 'network-config': networkConfig }),
    ...(vendorData === null ? {} : { 'vendor-data': vendorData }),
  }
}

/** Whether the system would refuse files without SELinux labels, which only itself can set. */
export function usesSelinux(config: string | undefined): boolean {
  return config !== undefined && /^\s*SELINUX\s*=\s*(enforcing|permissive)\b/m.test(config)
}
