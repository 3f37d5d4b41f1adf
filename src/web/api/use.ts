import { notifications } from '@mantine/notifications'
import {
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
} from '@tanstack/react-query'
import type { InputOf, OutputOf } from '../../api/client/client.ts'
import { ApiProblem } from '../../api/client/problem.ts'
import type { OperationId } from '../../api/contract.ts'
import { call } from './call.ts'

/** An answer of 401 to anything but the login itself means that the session ended: the login page takes over. */
function sessionEnded(error: Error): void {
  if (error instanceof ApiProblem && error.code === 'not-authenticated') queries.setQueryData(['me', {}], null)
}

/** Whether trying again at once could help: refusals stay, and what is not available needs somebody to change that. */
export function mayPass(error: Error): boolean {
  if (!(error instanceof ApiProblem)) return true
  return error.code !== 'not-available' && (error.status === 0 || error.status >= 500)
}

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: sessionEnded }),
  mutationCache: new MutationCache({ onError: sessionEnded }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      retry: (count, error) => count < 2 && mayPass(error),
    },
  },
})

type More<Id extends OperationId> = {
  enabled?: boolean
  /** Shows the page before while the next one is on its way. */
  keep?: boolean
  refetchMs?: number | ((data: OutputOf<Id> | undefined) => number | false)
}

/** The answer of a reading operation, kept fresh by the event stream. */
export function useGet<Id extends OperationId>(
  id: Id,
  input: InputOf<Id>,
  more: More<Id> = {},
): UseQueryResult<OutputOf<Id>, Error> {
  const { refetchMs } = more
  return useQuery<OutputOf<Id>>({
    queryKey: [id, input],
    queryFn: ({ signal }) => call(id, { ...input, signal }),
    enabled: more.enabled ?? true,
    ...(more.keep ? { placeholderData: keepPreviousData } : {}),
    ...(refetchMs === undefined
      ? {}
      : { refetchInterval: typeof refetchMs === 'number' ? refetchMs : (query) => refetchMs(query.state.data) }),
  })
}

type Doing<Id extends OperationId> = {
  /** The sentence of the toast when it worked. */
  done?: (answer: OutputOf<Id>, input: InputOf<Id>) => string
  after?: (answer: OutputOf<Id>, input: InputOf<Id>) => void
  /** The caller shows what went wrong itself, beside the form. */
  quiet?: boolean
}

/** A changing operation with a toast for its outcome. */
export function useDo<Id extends OperationId>(
  id: Id,
  doing: Doing<Id> = {},
): UseMutationResult<OutputOf<Id>, Error, InputOf<Id>> {
  return useMutation<OutputOf<Id>, Error, InputOf<Id>>({
    mutationFn: (input) => call(id, input),
    onSuccess: (answer, input) => {
      // The event stream tells of most changes; this also shows one's own when the stream is interrupted.
      void queries.invalidateQueries()
      const text = doing.done?.(answer, input)
      if (text) toast(text)
      doing.after?.(answer, input)
    },
    onError: (error) => {
      if (!doing.quiet) toastProblem(error)
    },
  })
}

export function toast(message: string): void {
  notifications.show({ message, color: 'teal', autoClose: 4000 })
}

export function toastProblem(error: Error): void {
  const next = error instanceof ApiProblem ? error.next : undefined
  notifications.show({
    title: error.message,
    message: next ?? '',
    color: 'red',
    autoClose: 12_000,
  })
}
