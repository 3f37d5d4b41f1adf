import { useNavigate } from '@tanstack/react-router'
import { useDo, useGet } from '../api/use.ts'
import { orderOf } from './words.ts'

/** Queues a deployment, says so, and goes where it can be watched. */
export function useOrder(after: () => void) {
  const navigate = useNavigate()
  return useDo('createDeployment', {
    quiet: true,
    done: (made) => `Queued: ${orderOf(made)} on ${made.machine}.`,
    after: (made) => {
      after()
      void navigate({ to: '/deployments/$deployment', params: { deployment: made.id } })
    },
  })
}

/** What the management OS last found in a machine. Asked once where there is nothing yet. */
export function useInventory(machine: string) {
  return useGet('getInventory', { params: { machine } })
}
