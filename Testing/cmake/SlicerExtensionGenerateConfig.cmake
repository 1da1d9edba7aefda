# Stand-in: what lets another extension build on this one, where it has libraries. A scripted extension has none.
