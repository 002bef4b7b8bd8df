import { Failure } from '../../core/failure.ts';
import { inert } from '../../core/text/inert.ts';
import { prepareModulesRequest, type WantedModule } from '../../protocol/server.ts';
import type { Connection } from '../../target/connection.ts';
import type { FailureFunnel } from '../failures.ts';
import { targetModule } from '../targets/lazy-target.ts';
import { setting } from '../vscode-table.ts';
import type { LazyServer } from './lazy-server.ts';
import type { ModuleTransfers } from './module-transfers.ts';
import type { PlaceService } from './place-service.ts';

/** Has the server know the programs and libraries of ZFS that are installed on a target, each build read once. */
export class TargetPrograms {
  constructor(
    private readonly server: Pick<LazyServer, 'request'>,
    private readonly transfers: Pick<ModuleTransfers, 'begin'>,
    private readonly places: Pick<PlaceService, 'hangs'>,
    private readonly funnel: Pick<FailureFunnel, 'log'>,
  ) {}

  /**
   * @param names `zdb`, or a library without its version: `libzpool`
   * @returns sentences on those whose lines cannot be exact
   * @throws Failure; Failure `cancelled` when the person cancels
   */
  async learn(connection: Connection, names: readonly string[]): Promise<readonly string[]> {
    const zfsHangs = this.places.hangs(connection);
    const folders = setting('zscope.symbols.targetFolders');
    const files = await connection.run(targetModule().programFiles, { names, zfsHangs, folders });
    const wanted = new Map<string, WantedModule>();
    for (const { path, buildId } of files) {
      if (!wanted.has(buildId)) {
        wanted.set(buildId, { module: path.slice(path.lastIndexOf('/') + 1), buildId, program: path });
      }
    }
    if (wanted.size === 0) {
      this.funnel.log.info(`${names.join(', ')}: not installed on the target, or without a build-id`);
      return [];
    }
    const transfer = this.transfers.begin(connection, zfsHangs);
    try {
      const { modules } = await this.server.request(
        prepareModulesRequest,
        { target: transfer.target, modules: [...wanted.values()] },
        transfer.signal,
      );
      const remarks = modules.map(({ remark }) => remark).filter((remark) => remark !== '');
      for (const remark of remarks) {
        this.funnel.log.info(inert(remark, 500));
      }
      return remarks;
    } catch (error) {
      throw transfer.signal.aborted
        ? new Failure(
            'cancelled',
            'Reading programs of the target was cancelled. Connect again to read them.',
          )
        : error;
    } finally {
      transfer.dispose();
    }
  }
}
