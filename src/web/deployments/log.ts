import { useEffect, useRef, useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import { call } from '../api/call.ts'

type Log = OutputOf<'getDeploymentLog'>
export type LogLine = Log['items'][number]

/** How many lines are kept on the page; older ones can be downloaded. */
const KEPT = 5000
const ASK = 1000

/** What is known with what came: no line twice, in their order, the newest `KEPT`. */
export function joined(known: readonly LogLine[], more: readonly LogLine[], kept = KEPT): LogLine[] {
  const last = known.at(-1)?.n ?? 0
  return [...known, ...more.filter(({ n }) => n > last)].slice(-kept)
}

/** The log of a deployment, followed while `live`. */
export function useLog(deployment: string, live: boolean): { lines: readonly LogLine[]; error: Error | null } {
  const [lines, setLines] = useState<readonly LogLine[]>([])
  const [error, setError] = useState<Error | null>(null)
  const after = useRef(0)
  useEffect(() => {
    let ended = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      try {
        const answer = await call('getDeploymentLog', {
          params: { deployment },
          query: { after: after.current, limit: ASK },
        })
        if (ended) return
        after.current = answer.after
        if (answer.items.length > 0) setLines((known) => joined(known, answer.items))
        setError(null)
        if (answer.items.length === ASK) return void ask()
      } catch (problem) {
        if (ended) return
        setError(problem instanceof Error ? problem : new Error(String(problem)))
      }
      if (live) timer = setTimeout(ask, 1000)
    }
    void ask()
    return () => {
      ended = true
      clearTimeout(timer)
    }
  }, [deployment, live])
  return { lines, error }
}
