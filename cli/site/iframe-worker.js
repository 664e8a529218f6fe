// The search of the theme runs in a worker, which a browser refuses to a page that was opened as a file.
// There its script runs in a hidden frame instead: no network, no server. (The theme looks for this file's name.)
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(script) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      this.scope = new Promise((ready) => {
        frame.onload = () => {
          const scope = frame.contentWindow;
          const element = scope.document.createElement("script");
          scope.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          element.src = script;
          element.onload = () => ready(scope);
          scope.document.body.append(element);
        };
      });
      frame.srcdoc = "<!doctype html><body></body>";
      document.body.append(frame);
    }

    postMessage(data) {
      this.scope.then((scope) => scope.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
