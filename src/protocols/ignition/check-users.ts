import { doubles, doubleTexts } from './doubles.ts'
import type { Findings } from './findings.ts'
import { shown } from './reading.ts'
import { flagOf, numberOf, type Struct, structsOf, textOf, textsOf } from './values.ts'

const MOST_ID = 0xfffffffe
const KEY_TYPE =
  /(^|[\s,"])(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(-cert-v01@openssh\.com)?\s+(AAAA[A-Za-z0-9+/]+=*)/

export function checkUsers(passwd: Struct | undefined, findings: Findings): void {
  const users = structsOf(passwd, 'users')
  const groups = structsOf(passwd, 'groups')
  doubles(users, 'name', findings)
  doubles(groups, 'name', findings)
  for (const [entry, id] of [
    ...users.map((each) => [each, 'uid'] as const),
    ...groups.map((each) => [each, 'gid'] as const),
  ]) {
    const name = textOf(entry, 'name')
    if (name !== undefined && (name === '' || /[:/\s\u0000-\u001f]/.test(name) || name.startsWith('-')))
      findings.error(findings.where(entry, 'name'), `${shown(name)} is no name of a user or group`)
    const number = numberOf(entry, id)
    if (number !== undefined && (number < 0 || number > MOST_ID))
      findings.error(findings.where(entry, id), `${number} is no number of a user or group`)
    checkPassword(entry, findings)
  }
  for (const user of users) {
    const keys = textsOf(user, 'sshAuthorizedKeys')
    doubleTexts(keys, findings)
    for (const [index, key] of keys.entries()) checkKey(keys, index, key, findings)
    doubleTexts(textsOf(user, 'groups'), findings)
    for (const name of ['homeDir', 'shell']) {
      const path = textOf(user, name)
      if (path && !path.startsWith('/')) findings.warn(findings.where(user, name), `${shown(path)} is not absolute`)
    }
    if (flagOf(user, 'shouldExist') === false && keys.length > 0)
      findings.warn(findings.where(user, 'shouldExist'), 'a user that goes needs no keys')
  }
}

/** A password in plain text lets nobody in, and is readable by everybody. */
function checkPassword(entry: Struct, findings: Findings): void {
  const hash = textOf(entry, 'passwordHash')
  if (!hash || /^(\$|!|\*|_)/.test(hash) || hash === 'x' || /^[./0-9A-Za-z]{13}$/.test(hash)) return
  const hint = 'make a hash with mkpasswd --method=yescrypt, or openssl passwd -6'
  findings.warn(findings.where(entry, 'passwordHash'), 'this is no password hash, so nobody can log in with it', hint)
}

function checkKey(keys: readonly string[], index: number, key: string, findings: Findings): void {
  const at = findings.where(keys, String(index))
  if (key.includes('PRIVATE KEY')) {
    findings.error(at, 'this is a private key', 'give the public one, and make a new pair: this one was shown')
    return
  }
  if (key.trim() === '') findings.error(at, 'the key is empty')
  else if (/[\r\n]/.test(key.trim())) findings.warn(at, 'the key is not one line', 'make each key an item of the list')
  else if (!key.startsWith('#') && !KEY_TYPE.test(key))
    findings.warn(at, 'this does not look like a public key of SSH', 'it is one line of a .pub file')
}
