import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SILENT } from '../../src/kit/log.ts'
import { tellSystemd } from '../../src/service/drivers/notify.ts'

const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1) if sys.argv[1].startswith('@') else sys.argv[1])
print('bound', flush=True)
s.settimeout(20)
print(s.recv(4096).decode(), flush=True)
`

test.each(['a file', 'an abstract name'])('reaches a socket that is %s', async (kind) => {
  const directory = mkdtempSync(join(tmpdir(), 'rv-notify-'))
  try {
    const name = kind === 'a file' ? join(directory, 'notify') : `@rv-notify-${process.pid}`
    const listener = execFile('python3', ['-c', LISTENER, name])
    const heard: string[] = []
    listener.stdout!.on('data', (text) => heard.push(String(text)))
    await expect.poll(() => heard.join(''), { timeout: 60_000 }).toContain('bound')
    tellSystemd(name, { say: 'READY=1', status: 'here' }, SILENT)
    await expect.poll(() => heard.join(''), { timeout: 60_000 }).toContain('READY=1\nSTATUS=here')
  } finally {
    rmSync(directory, { recursive: true })
  }
})
