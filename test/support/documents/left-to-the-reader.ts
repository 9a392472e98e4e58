/** What the blocks leave to the reader: an opened directory, what is done with a record, frameworks and servers. */
export const LEFT_TO_THE_READER = `
declare const tide: import('tidemark').Tidemark
declare function write(key: string | null, value: Uint8Array): Promise<void>
declare function insertMany(records: readonly import('tidemark').TopicRecord<string, unknown, unknown>[]): Promise<void>
declare function send(mail: Uint8Array): Promise<void>
declare function score(payment: unknown): Promise<void>

declare module 'redis' {
  interface Client {
    connect(): Promise<Client>
    xAdd(key: string, id: string, message: Record<string, string>): Promise<string>
    xGroupCreate(key: string, group: string, id: string, options: { MKSTREAM: boolean }): Promise<string>
    xReadGroup(
      group: string,
      consumer: string,
      stream: { key: string; id: string },
      options: { COUNT: number; BLOCK: number },
    ): Promise<{ name: string; messages: { id: string; message: Record<string, string> }[] }[] | null>
    xAck(key: string, group: string, id: string): Promise<number>
  }
  export function createClient(): Client
}

declare module 'kafkajs' {
  interface Producer {
    connect(): Promise<void>
    send(record: { topic: string; messages: { key: string; value: string }[] }): Promise<unknown>
  }
  interface Consumer {
    connect(): Promise<void>
    disconnect(): Promise<void>
    subscribe(options: { topics: string[]; fromBeginning: boolean }): Promise<void>
    run(options: {
      autoCommitThreshold: number
      eachMessage(payload: { message: { value: Buffer | null } }): Promise<void>
    }): Promise<void>
  }
  export class Kafka {
    constructor(config: { clientId: string; brokers: string[] })
    producer(): Producer
    consumer(config: { groupId: string }): Consumer
  }
}

declare module '@nestjs/common' {
  export interface OnModuleInit { onModuleInit(): unknown }
  export interface OnApplicationShutdown { onApplicationShutdown(signal?: string): unknown }
  export function Injectable(): (target: unknown, context?: unknown) => void
  export function Module(options: { providers: unknown[]; exports: unknown[] }): (target: unknown, context?: unknown) => void
}

declare module 'electron' {
  export const app: {
    requestSingleInstanceLock(): boolean
    quit(): void
    getPath(name: 'userData'): string
    on(event: 'before-quit', listener: (event: { preventDefault(): void }) => void): void
  }
}
`
