import { connect } from 'node:net'
import { z } from 'zod'

const Message = z.looseObject({
  QMP: z.unknown().optional(),
  return: z.unknown().optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
  event: z.string().optional(),
  id: z.unknown().optional(),
})
type Message = z.output<typeof Message>

/** QEMU refused a command. */
export class QmpError extends Error {
  override name = 'QmpError'
}

/** A conversation with one QEMU: one command at a time, answers in order. */
export interface Qmp {
  /** The command's answer; a refusal is a `QmpError`. */
  execute(command: string, args?: Record<string, unknown>): Promise<unknown>
}

/** QEMU answers within milliseconds; a screen dump or a slow disk may take longer. */
const PATIENCE_MS = 10_000
/** Longer than any answer that is asked for here. */
const LONGEST_LINE = 4 * 1024 * 1024

/**
 * Talks to the QEMU behind a Unix socket and hangs up: it serves one client at a time, and a connection held open
 * would shut out whoever comes after a crash. Fails when nobody listens, or when an answer does not come in time.
 */
export async function withQmp<T>(path: string, talk: (qmp: Qmp) => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const socket = connect(path)
  socket.setEncoding('utf8')
  let waiting: { resolve(message: Message): void; reject(error: Error): void } | undefined
  let failure: Error | undefined
  const unread: Message[] = []
  const fail = (error: Error) => {
    failure ??= error
    waiting?.reject(failure)
    waiting = undefined
  }
  const timer = setTimeout(() => fail(new QmpError(`QEMU did not answer within ${patienceMs / 1000} s`)), patienceMs)

  let line = ''
  socket.on('data', (text: string) => {
    line += text
    if (line.length > LONGEST_LINE) return fail(new QmpError('QEMU sent an endless line'))
    const lines = line.split('\n')
    line = lines.pop() ?? ''
    for (const each of lines) {
      if (each.trim() === '') continue
      const message = parseMessage(each)
      if (!message) return fail(new QmpError('QEMU sent something that is not QMP'))
      // Events come at any time; nothing here waits for one.
      if (message.event !== undefined) continue
      if (waiting) {
        waiting.resolve(message)
        waiting = undefined
      } else unread.push(message)
    }
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new QmpError('QEMU ended the conversation')))

  const next = () =>
    new Promise<Message>((resolve, reject) => {
      const message = unread.shift()
      if (message) resolve(message)
      else if (failure) reject(failure)
      else waiting = { resolve, reject }
    })
  const execute = async (command: string, args?: Record<string, unknown>): Promise<unknown> => {
    socket.write(`${JSON.stringify(args ? { execute: command, arguments: args } : { execute: command })}\n`)
    const { error, return: answer } = await next()
    if (error) throw new QmpError(`${command}: ${error.desc}`)
    return answer
  }

  try {
    await next()
    await execute('qmp_capabilities')
    return await talk({ execute })
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

function parseMessage(line: string): Message | undefined {
  try {
    return Message.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
