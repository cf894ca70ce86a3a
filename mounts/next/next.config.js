export default { skipTrailingSlashRedirect: true, serverExternalPackages: ['@holdfast/dashboard'] }
