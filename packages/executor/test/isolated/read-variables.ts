// Loaded in advance, with --import: reads variables from a file of the working directory, as `dotenv/config` does.
process.loadEnvFile('.env');
