export * from '@symphony/registry';
