#!/usr/bin/env node
// The installed command: the sources run as they are on Node 24 and newer.
import '../main.ts';
