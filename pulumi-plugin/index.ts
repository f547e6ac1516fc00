import { main } from '@pulumi/pulumi/provider';
import { NestlingProvider } from './provider';

void main(new NestlingProvider(__dirname), process.argv.slice(2));
