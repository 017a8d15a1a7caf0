// Runs one cell of one notebook when it opens: the one that the server names in the page's configuration.
// A prebuilt extension of JupyterLab, written by hand: it needs nothing but the application itself.
(() => {
  const wanted = () => {
    const data = document.getElementById('jupyter-config-data');
    const text = data && JSON.parse(data.textContent).ipycolorizeOpening;
    return text ? JSON.parse(text) : null;
  };

  // A page that is reloaded, and a second browser, find the pad alive: running the cell again would end it.
  const isFresh = async (kernel) => {
    const seen = "'pad' in globals()";
    const request = kernel.requestExecute({code: '', silent: true, user_expressions: {seen}});
    const {content} = await request.done;
    return content.status === 'ok' && content.user_expressions.seen.data['text/plain'] === 'False';
  };

  const run = async (app, panel, code) => {
    const session = panel.sessionContext;
    await panel.context.ready;
    await panel.revealed;
    await session.ready;
    const kernel = session.session && session.session.kernel;
    const cells = panel.content.widgets;
    const index = cells.findIndex((cell) => cell.model.sharedModel.getSource() === code);
    if (!kernel || index < 0 || !(await isFresh(kernel))) return;
    panel.content.activeCellIndex = index;
    panel.content.deselectAll();
    await app.commands.execute('notebook:run-cell');
    await panel.context.save(); // with the output in the file a reloaded page shows the pad again
  };

  const activate = (app) => {
    const opening = wanted();
    if (!opening) return;
    const look = () => {
      for (const panel of app.shell.widgets('main')) {
        if (panel.context && panel.context.path === opening.path && panel.content && panel.sessionContext) {
          app.shell.currentChanged.disconnect(look);
          run(app, panel, opening.code).catch((error) => console.warn('ipycolorize:', error));
          return;
        }
      }
    };
    app.restored.then(() => {
      app.shell.currentChanged.connect(look);
      look();
    });
  };

  const plugin = {id: 'ipycolorize-opening:plugin', autoStart: true, activate};
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['ipycolorize-opening'] = {
    init: () => {},
    get: async () => () => ({__esModule: true, default: plugin}),
  };
})();
