// Prints what the vendor's own reader finds in the registry of $MSB_HOME, as JSON.
import { allSandboxMetrics } from 'microsandbox';

const metrics = await allSandboxMetrics();
console.log(JSON.stringify(metrics));
