import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { found, meant } from '../../../test/ipxe/meant.ts'
import { readScript } from '../../../test/ipxe/reader.ts'
import { encodeScript, type IpxeCommand, type IpxeScript } from './script.ts'
import { encodeUrl, plainText, refuseText, type Text, UnsafeText } from './text.ts'

const BASE = 'http://10.0.0.1:8080'
/** What iPXE takes for the start of an expansion. */
const OPEN = '${'
const line = (...run: IpxeCommand[]) => encodeScript([{ run }]).split('\n')[1]

describe('commands as text', () => {
  const cases: readonly [IpxeCommand, string][] = [
    [{ do: 'echo', text: 'hello  there' }, 'echo hello  there'],
    [{ do: 'echo', text: '' }, 'echo'],
    [{ do: 'echo', text: '-- title --' }, 'echo -- -- title --'],
    [{ do: 'echo', text: [{ setting: 'uuid' }, ' is it'] }, `echo -- ${OPEN}uuid} is it`],
    [{ do: 'set', setting: 'step', value: 'kernel' }, 'set step kernel'],
    [{ do: 'isset', value: { setting: 'netX/mac' } }, `isset ${OPEN}netX/mac}`],
    [{ do: 'is-64-bit' }, 'cpuid --ext 29'],
    [{ do: 'sleep', seconds: 5 }, 'sleep 5'],
    [{ do: 'chain', url: `${BASE}/x` }, `chain --replace --autofree ${BASE}/x`],
    [
      { do: 'chain', url: [`${BASE}/x?serial=`, { setting: 'serial', as: 'hexraw' }] },
      `chain --replace --autofree ${BASE}/x?serial=${OPEN}serial:hexraw}`,
    ],
    [
      { do: 'fetch', name: 'launch', url: `${BASE}/m`, timeoutMs: 3000 },
      `imgfetch --timeout 3000 --name launch ${BASE}/m`,
    ],
    [{ do: 'fetch', name: 'own', url: `${BASE}/m` }, `imgfetch --name own ${BASE}/m`],
    [{ do: 'free' }, 'imgfree'],
    [{ do: 'free', name: 'launch' }, 'imgfree launch'],
    [{ do: 'run', name: 'own' }, 'imgexec own'],
    [{ do: 'kernel', url: `${BASE}/linux`, args: 'a=b ---' }, `kernel --name kernel ${BASE}/linux a=b ---`],
    [{ do: 'kernel', url: `${BASE}/linux`, args: '' }, `kernel --name kernel ${BASE}/linux`],
    [{ do: 'initrd', name: 'initrd0', url: `${BASE}/i` }, `initrd --name initrd0 ${BASE}/i`],
    [{ do: 'initrd', name: 'BCD', url: `${BASE}/b`, wrap: 'BCD' }, `initrd --name BCD ${BASE}/b BCD`],
    [{ do: 'boot' }, 'boot'],
    [{ do: 'set', setting: 'netX/gateway', value: '0.0.0.0' }, 'set netX/gateway 0.0.0.0'],
    [
      { do: 'set', setting: 'initiator-iqn', value: 'iqn.2026-01.org.x:m_1' },
      'set initiator-iqn iqn.2026-01.org.x:m_1',
    ],
    [{ do: 'clear', setting: 'password' }, 'clear password'],
    [
      { do: 'sanhook', drive: 0x80, disk: { host: '10.0.0.1', port: 3260, target: 'iqn.2026-01.org.x:a', lun: 10 } },
      'sanhook --drive 0x80 iscsi:10.0.0.1::3260:a:iqn.2026-01.org.x:a',
    ],
    [{ do: 'sanunhook', drive: 0x80 }, 'sanunhook --drive 0x80'],
    [{ do: 'login' }, 'login'],
    [
      { do: 'chain', url: [`${BASE}/x?typed=`, { setting: 'password', as: 'hexraw' }] },
      `chain --replace --autofree ${BASE}/x?typed=${OPEN}password:hexraw}`,
    ],
    [{ do: 'sanboot', from: { drive: 0x80 } }, 'sanboot --no-describe --drive 0x80'],
    [{ do: 'sanboot', from: { url: `${BASE}/d.iso` } }, `sanboot --no-describe ${BASE}/d.iso`],
    [{ do: 'exit', status: 1 }, 'exit 1'],
    [{ do: 'menu', title: 'What now?' }, 'menu What now?'],
    [{ do: 'item', name: 'debian', text: '-- Debian' }, 'item debian -- Debian'],
    [{ do: 'choose', default: 'debian', timeoutMs: 4000 }, 'choose --default debian --timeout 4000 choice'],
  ]
  test.each(cases)('%j', (command, text) => expect(line(command)).toBe(text))

  test('lines join commands and say where to go on', () => {
    const script: IpxeScript = [
      { run: [{ do: 'boot' }], otherwise: { goto: 'failed' } },
      { run: [{ do: 'sleep', seconds: 1 }, { do: 'boot' }], otherwise: 'next' },
      { label: 'failed' },
    ]
    expect(encodeScript(script)).toBe('#!ipxe\nboot || goto failed\nsleep 1 && boot ||\n:failed\n')
  })
})

describe('what is refused', () => {
  const unsafe = (command: IpxeCommand) => expect(() => encodeScript([{ run: [command] }])).toThrow(UnsafeText)
  test.each([
    ['a newline', 'a\nshell'],
    ['a carriage return', 'a\rb'],
    ['a NUL', 'a\0b'],
    ['a letter beyond ASCII', 'Gr\u00fc\u00dfe'],
    ['an expansion', `a ${OPEN}net0/mac}`],
    ['a second command by ||', 'a || shell'],
    ['a second command by &&', '&& shell'],
    ['a second command by ;', 'a ;'],
    ['a comment', 'a #b'],
    ['a line that goes on', 'C:\\'],
  ])('%s in any text', (_, text) => {
    unsafe({ do: 'echo', text })
    unsafe({ do: 'kernel', url: `${BASE}/k`, args: text })
    unsafe({ do: 'menu', title: text })
    unsafe({ do: 'item', name: 'x', text })
    unsafe({ do: 'set', setting: 'step', value: text })
    unsafe({ do: 'chain', url: `${BASE}/${text}` })
    unsafe({ do: 'echo', text: [{ setting: 'uuid' }, ' ', text] })
    expect(refuseText(text)).toMatch(/^(has|ends with) /)
  })

  test('a dollar sign that would meet an expansion, and settings and formats that are not in the list', () => {
    unsafe({ do: 'echo', text: ['$', { setting: 'uuid' }] })
    unsafe({ do: 'echo', text: [{ setting: 'password' as 'uuid' }] })
    unsafe({ do: 'echo', text: [{ setting: 'uuid', as: 'uristring' as 'hexraw' }] })
  })

  test('two parts that make an expansion only together', () => unsafe({ do: 'echo', text: ['a$', '{uuid}'] }))

  test.each(['-h', '', 'two words', 'a/b', '.x', `${OPEN}x}`])('%j as a name', (name) => {
    unsafe({ do: 'run', name })
    unsafe({ do: 'item', name, text: 'x' })
    unsafe({ do: 'choose', default: name, timeoutMs: 1 })
  })

  test.each([
    '/relative',
    'tftp://10.0.0.1/x',
    'http://10.0.0.1',
    'http:///x',
    'http://a@b/x',
    `${BASE}/a b`,
    `${BASE}/%2e`,
    `${BASE}/#x`,
  ])('%j as a URL', (url) => unsafe({ do: 'chain', url }))

  test('an expansion in place of the server of a URL', () =>
    unsafe({ do: 'chain', url: ['http://', { setting: 'serial' }, '/x'] }))

  test.each([
    { host: '10.0.0.1 || shell' },
    { host: '[fd00::1]' },
    { host: '' },
    { target: 'iqn.2026-01.org.x:A' },
    { target: `iqn.2026-01.org.x:${OPEN}uuid}` },
    { target: 'x' },
    { target: `iqn.2026-01.org.x:${'a'.repeat(250)}` },
    { port: 0 },
    { port: 65_536 },
    { lun: -1 },
  ])('a disk with %j', (odd) => {
    const disk = { host: '10.0.0.1', port: 3260, target: 'iqn.2026-01.org.x:a', lun: 0, ...odd }
    unsafe({ do: 'sanhook', drive: 0x80, disk })
  })

  test.each([-1, 0.5, Number.NaN, 3601, Number.POSITIVE_INFINITY])('%d seconds of sleep', (seconds) =>
    unsafe({ do: 'sleep', seconds }),
  )

  test('a jump to a label that is not there, an empty line, a script without end', () => {
    unsafe({ do: 'goto', label: 'nowhere' })
    expect(() => encodeScript([{ run: [{ do: 'boot' }], otherwise: { goto: 'nowhere' } }])).toThrow(UnsafeText)
    expect(() => encodeScript([{ run: [] }])).toThrow(UnsafeText)
    expect(() => encodeScript(Array(2000).fill({ run: [{ do: 'echo', text: 'x'.repeat(40) }] }))).toThrow(UnsafeText)
  })
})

test('plainText leaves safe text alone and makes any other safe', () => {
  expect(plainText('why: node-0001, (admin) #')).toBe('why: node-0001, (admin) .')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const plain = plainText(text)
      return refuseText(plain) === undefined && (plain === text || refuseText(text) !== undefined)
    }),
  )
})

const word = fc.oneof(
  fc.constantFrom('||', '&&', ';', '#x', `${OPEN}uuid}`, '\\', '--', '-h', '$', '{', '}'),
  fc.string(),
)
const plain = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '))
const expansion = fc.record({
  setting: fc.constantFrom('uuid', 'netX/mac', 'step'),
  as: fc.constantFrom(undefined, 'hexraw'),
})
const text = fc.oneof(plain, fc.array(fc.oneof(plain, expansion), { minLength: 1, maxLength: 4 })) as fc.Arbitrary<Text>

test('whatever the values, a script is refused or iPXE reads just what was meant', () => {
  fc.assert(
    fc.property(text, text, text, (title, label, args) => {
      const script: IpxeScript = [
        {
          run: [
            { do: 'menu', title },
            { do: 'item', name: 'x', text: label },
          ],
          otherwise: { goto: 'end' },
        },
        { run: [{ do: 'kernel', url: `${BASE}/k`, args }], otherwise: 'next' },
        { label: 'end' },
      ]
      let encoded: string
      try {
        encoded = encodeScript(script)
      } catch (error) {
        expect(error).toBeInstanceOf(UnsafeText)
        return
      }
      expect(found(readScript(encoded).slice(1))).toEqual(meant(script))
    }),
    { numRuns: 500 },
  )
})

test('a URL keeps every character it is written with', () => {
  const url = `${BASE}/boot/mark/boot~m_1~525400123456~a.b-c_d~~k3~AZ-_/launch?mac=52:54:00:12:34:56&n=1`
  expect(encodeUrl(url, 'the URL')).toBe(url)
})
