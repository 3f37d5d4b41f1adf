import '@xterm/xterm/css/xterm.css'
import { IconCircleCheck, IconPlugConnectedX } from '@tabler/icons-react'
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import { useEffect, useRef, useState } from 'react'
import { useMay } from '../api/me.tsx'
import { Card } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import style from './machines.module.css'

/** The serial console of a machine, live: what it printed so far comes first. Or a shell of the management OS that it runs. */
export default function SerialConsole({ machine, shell = false }: { machine: string; shell?: boolean }) {
  const place = useRef<HTMLDivElement>(null)
  const typing = useMay('operator')
  const [connected, setConnected] = useState(false)
  useEffect(() => {
    if (!place.current) return
    const terminal = new Terminal({
      fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
      fontSize: 13,
      scrollback: 10_000,
      disableStdin: !typing,
      cursorBlink: typing,
      convertEol: false,
      theme: { background: '#0b0f17', foreground: '#d5dae3', cursor: '#ffb547', selectionBackground: '#2c4f9f' },
    })
    // SeaBIOS switches line wrapping off (DECAWM) and never on again: the system behind it would lose the ends of its lines.
    terminal.parser.registerCsiHandler({ prefix: '?', final: 'l' }, ([mode]) => mode === 7)
    const fit = new FitAddon()
    terminal.loadAddon(fit)
    terminal.open(place.current)
    fit.fit()
    const resized = new ResizeObserver(() => fit.fit())
    resized.observe(place.current)

    let ended = false
    let socket: WebSocket | undefined
    let again: ReturnType<typeof setTimeout> | undefined
    const connect = () => {
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
      socket = new WebSocket(
        `${scheme}://${location.host}/api/v1/machines/${encodeURIComponent(machine)}/console${shell ? '?shell' : ''}`,
      )
      socket.binaryType = 'arraybuffer'
      socket.onopen = () => {
        // The recorded end is sent again with each connection.
        terminal.reset()
        setConnected(true)
      }
      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) =>
        terminal.write(typeof data === 'string' ? data : new Uint8Array(data))
      socket.onclose = () => {
        setConnected(false)
        if (!ended) again = setTimeout(connect, 2000)
      }
    }
    connect()
    const keys = terminal.onData((text) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(new TextEncoder().encode(text))
    })
    return () => {
      ended = true
      clearTimeout(again)
      socket?.close()
      keys.dispose()
      resized.disconnect()
      terminal.dispose()
    }
  }, [machine, typing, shell])
  return (
    <Card
      title={shell ? 'Shell of the management OS' : 'Serial console'}
      flush
      beside={
        connected ? (
          <Status look={['good', IconCircleCheck, 'connected']} />
        ) : (
          <Status look={['wait', IconPlugConnectedX, 'not connected; trying again']} />
        )
      }
      aside={
        shell ? (
          <span className="soft">Opening it is written into the audit log.</span>
        ) : (
          !typing && <span className="soft">Typing needs the role operator.</span>
        )
      }
    >
      <div className={style.terminal}>
        <div ref={place} />
      </div>
    </Card>
  )
}
