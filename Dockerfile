FROM node:24.21.0-slim AS build
WORKDIR /sluice
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-slim
ENV NODE_ENV=production
# Probes come from outside of the container.
ENV SLUICE_HTTP_HOST=0.0.0.0
WORKDIR /sluice
COPY --from=build /sluice/package.json ./
COPY --from=build /sluice/node_modules ./node_modules
COPY --from=build /sluice/dist ./dist
COPY mappings ./mappings
USER node
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/ready').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# As the shebang has it: docs/performance.md says why.
ENTRYPOINT ["node", "--max-semi-space-size=32", "--v8-pool-size=1", "dist/main.js"]
CMD ["run"]
