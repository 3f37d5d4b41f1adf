import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Handlers } from '../../test/fakes/api.ts'
import { AT, cli, IMAGE, VERSION } from '../../test/fakes/cli.ts'
import type { Image } from '../api/contract/images.ts'
import type { Profile } from '../api/contract/profiles.ts'
import { Refusal } from '../kit/errors.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('images', () => {
  test('push sends only bytes that the server lacks, each once, then makes the version', async () => {
    const [kernel, initrd, again] = ['linux', 'initrd gz', 'again'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    await writeFile(kernel, 'kernel bytes')
    await writeFile(initrd, 'initrd bytes')
    await writeFile(again, 'initrd bytes')
    const sha = (text: string) => createHash('sha256').update(text).digest('hex')
    const uploaded = new Map<string, string>()
    const { status, asked, out } = await cli(
      ['image', 'push', 'debian', '--kernel', kernel, '--initrd', initrd, '--initrd', again, '--cmdline', 'quiet'],
      {
        createImage: () => IMAGE,
        hasUpload({ params: { sha256 } }) {
          if (sha256 !== sha('kernel bytes')) throw new Refusal('not-found', 'no such bytes')
          return { sha256, bytes: 12 }
        },
        putUpload({ params: { sha256 }, bytes }) {
          uploaded.set(sha256, new TextDecoder().decode(bytes))
          return { sha256, bytes: bytes.length }
        },
        createVersion: () => ({ ...IMAGE, latest: 1 }),
      },
    )
    expect(status).toBe(0)
    expect(uploaded).toEqual(new Map([[sha('initrd bytes'), 'initrd bytes']]))
    expect(asked.find(({ id }) => id === 'createImage')?.body).toMatchObject({ name: 'debian', kind: 'bundle' })
    expect(asked.at(-1)?.body).toMatchObject({
      cmdline: 'quiet',
      files: [
        { role: 'kernel', name: 'linux', sha256: sha('kernel bytes') },
        { role: 'initrd', name: 'initrd-gz', sha256: sha('initrd bytes') },
        { role: 'initrd', name: 'again', sha256: sha('initrd bytes') },
      ],
    })
    expect(out).toMatch(/^debian@1 is there/)
  })

  test('a push of what the newest version has already makes none, and says so', async () => {
    const kernel = join(folder, 'same')
    await writeFile(kernel, 'kernel bytes')
    const sha256 = createHash('sha256').update('kernel bytes').digest('hex')
    const file = { role: 'kernel' as const, name: 'linux', sha256, bytes: 12 }
    const newest = { ...VERSION, number: 3, files: [file], cmdline: 'quiet' }
    const handlers: Handlers = {
      getImage: () => ({ ...IMAGE, latest: 3, versions: [VERSION, newest] }),
      hasUpload: () => ({ sha256, bytes: 12 }),
      createVersion: () => ({ ...IMAGE, latest: 4 }),
    }
    const words = ['image', 'push', 'debian', '--kernel', kernel]
    const again = await cli([...words, '--cmdline', 'quiet'], handlers)
    expect(again).toMatchObject({ status: 0, out: 'nothing has changed since debian@3; no version was made\n' })
    expect(again.asked.map(({ id }) => id)).not.toContain('createVersion')
    expect((await cli([...words, '--cmdline', 'debug'], handlers)).out).toMatch(/^debian@4 is there/)
  })

  test('an ISO is known by its ending or its bytes; other files are refused before anything is sent', async () => {
    const iso = join(folder, 'disc')
    const image = Buffer.alloc(16 * 2048 + 6)
    image.write('CD001', 16 * 2048 + 1, 'latin1')
    await writeFile(iso, image)
    const handlers: Handlers = {
      getImage: () => ({ ...IMAGE, kind: 'iso' }),
      hasUpload: ({ params }) => ({ sha256: params.sha256, bytes: 1 }),
      createVersion: () => IMAGE,
    }
    expect((await cli(['image', 'push', 'rescue', iso], handlers)).last?.body).toMatchObject({
      files: [{ role: 'iso', name: 'disc' }],
    })
    const text = join(folder, 'text')
    await writeFile(text, 'no disc')
    expect(await cli(['image', 'push', 'rescue', text], handlers)).toMatchObject({
      status: 2,
      asked: [],
      err: expect.stringContaining('does not say what it is: give --kind'),
    })
  })

  test('a push that breaks off leaves no image behind', async () => {
    const kernel = join(folder, 'linux')
    await writeFile(kernel, 'kernel bytes')
    const { status, asked } = await cli(['image', 'push', 'new', '--kernel', kernel], {
      putUpload() {
        throw new Refusal('no-space', 'the disk is full')
      },
    })
    expect(status).toBe(1)
    expect(asked.map(({ id }) => id)).toEqual(['getImage', 'hasUpload', 'putUpload'])
  })

  test('a directory is no image', async () => {
    const { status, err } = await cli(['image', 'push', 'new', folder], {})
    expect({ status, err }).toEqual({ status: 2, err: `reveille: ${folder} is a directory\n` })
  })

  test('a bundle is not pushed into an ISO image', async () => {
    const kernel = join(folder, 'linux')
    await writeFile(kernel, 'kernel bytes')
    const { status, err } = await cli(['image', 'push', 'rescue', '--kernel', kernel], {
      getImage: () => ({ ...IMAGE, kind: 'iso' }),
    })
    expect({ status, err }).toEqual({
      status: 2,
      err: 'reveille: the image debian is of kind iso; push the bundle under another name\n'.replace(
        'debian',
        'rescue',
      ),
    })
  })

  test('pull leaves no half file when the transfer breaks', async () => {
    const path = join(folder, 'out.iso')
    const content = Buffer.from('content')
    const sha256 = createHash('sha256').update(content).digest('hex')
    const rescue: Image = {
      ...IMAGE,
      versions: [{ ...VERSION, number: 2, files: [{ role: 'iso', name: 'r.iso', sha256, bytes: 7 }] }],
    }
    const getImage = () => rescue
    expect((await cli(['image', 'pull', 'rescue@2', path], { getImage, getContent: () => content })).status).toBe(0)
    expect(await readFile(path, 'utf8')).toBe('content')
    const broken = join(folder, 'broken.iso')
    const { status } = await cli(['image', 'pull', 'rescue', broken], {
      getImage,
      async *getContent() {
        yield Buffer.from('half')
        throw new Error('cut')
      },
    })
    expect(status).toBe(1)
    await expect(readFile(broken)).rejects.toThrow('ENOENT')
    await expect(readFile(`${broken}.part`)).rejects.toThrow('ENOENT')
    const wrong = await cli(['image', 'pull', 'rescue', broken], { getImage, getContent: () => Buffer.from('CONTENT') })
    expect(wrong).toMatchObject({ status: 1, err: expect.stringContaining('does not match its SHA-256') })
    await expect(readFile(broken)).rejects.toThrow('ENOENT')
  })

  test('rm tells images from versions', async () => {
    const { asked } = await cli(['image', 'rm', 'a@2', 'b'], {
      deleteVersion: () => undefined,
      deleteImage: () => undefined,
    })
    expect(asked.map(({ id, params }) => [id, params])).toEqual([
      ['deleteVersion', { image: 'a', version: 2 }],
      ['deleteImage', { image: 'b' }],
    ])
  })
})

describe('profiles', () => {
  const LIVE: Profile = {
    name: 'debian',
    kind: 'live',
    description: 'd',
    image: 'debian',
    config: null,
    disks: [],
    cmdline: 'a',
    files: [{ name: 'f', content: 'x' }],
    createdAt: AT,
    updatedAt: AT,
    usedBy: 1,
  }

  test('add reads files and menu items', async () => {
    const file = join(folder, 'preseed.cfg')
    await writeFile(file, 'd-i\n')
    const live = await cli(
      ['profile', 'add', 'debian', '--kind', 'live', '--image', 'debian@2', '--file', `p.cfg=${file}`, '--file', file],
      { createProfile: () => LIVE },
    )
    expect(live.last?.body).toEqual({
      name: 'debian',
      kind: 'live',
      disks: [],
      description: '',
      image: 'debian@2',
      cmdline: '',
      config: null,
      files: [
        { name: 'p.cfg', content: 'd-i\n' },
        { name: 'preseed.cfg', content: 'd-i\n' },
      ],
    })
    const menu = await cli(
      ['profile', 'add', 'choose', '--kind', 'menu', '--item', 'debian=Install it', '--item', 'own', '--timeout', '5'],
      { createProfile: () => LIVE },
    )
    expect(menu.last?.body).toMatchObject({
      default: 'debian',
      timeoutSeconds: 5,
      items: [{ profile: 'debian', label: 'Install it' }, { profile: 'own' }],
    })
  })

  test('show prints a script without letting it steer the terminal', async () => {
    const script: Profile = {
      name: 'own',
      kind: 'script',
      description: '',
      script: '#!ipxe\necho \u001b[2Jx\n',
      createdAt: AT,
      updatedAt: AT,
      usedBy: 2,
    }
    const { out } = await cli(['profile', 'show', 'own'], { getProfile: () => script })
    expect(out).toBe('name     own\nkind     script\nused by  2 machines\n\n#!ipxe\necho \\x1b[2Jx\n')
  })

  test('edit changes what is named and keeps the rest', async () => {
    const { last } = await cli(['profile', 'edit', 'debian', '--image', 'debian@3'], {
      getProfile: () => LIVE,
      replaceProfile: () => LIVE,
    })
    expect(last).toMatchObject({
      id: 'replaceProfile',
      body: {
        name: 'debian',
        kind: 'live',
        description: 'd',
        image: 'debian@3',
        cmdline: 'a',
        files: [{ name: 'f', content: 'x' }],
      },
    })
    expect(last?.body).not.toHaveProperty('usedBy')
  })
})
