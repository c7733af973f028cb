// The settings of a private Node-RED: on loopback, without an editor's extras.
module.exports = {
    uiHost: "127.0.0.1",
    uiPort: Number(process.env.LIVE_PORT),
    flowFile: "flows.json",
    httpAdminRoot: false,
    diagnostics: { enabled: false },
    telemetry: { enabled: false },
    credentialSecret: "live-test-secret",
    contextStorage: { default: { module: "memory" } },
};
